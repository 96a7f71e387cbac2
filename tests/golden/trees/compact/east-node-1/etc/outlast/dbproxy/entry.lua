-- Written by Outlast; changes are overwritten.
-- Waits until this proxy has heard from the others who is written to, a second at most. HAProxy's own rules are looked
-- at again only when the client speaks or its time is over, and a client of MariaDB waits for the server's greeting.
local PAUSE, TIMES = 20, 50

core.register_action("entry", { "tcp-req" }, function(connection)
    for _ = 1, TIMES do
        if connection.c:in_table(1, "writer") then
            return
        end
        core.msleep(PAUSE)
    end
end)
